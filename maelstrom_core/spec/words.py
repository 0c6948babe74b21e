"""What keys mean, in a line each, for editors that show it beside what is written. Pure."""

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "containers": "containers by name, which can be parents",
    "jobs": "jobs, each a table of its own",
    "directives": "what is otherwise for which tests; taken in this order",
    # Of jobs.
    "program": "a path, or a name that is looked for in the container's PATH",
    "arguments": "what follows the program's name",
    "label": "what people call the job",
    "timeout": "time from its start; then SIGTERM, and SIGKILL 2 s later; 0: no limit",
    "priority": "of those that wait, higher ones are started first",
    "expected_duration": "of equal priority, longer ones are started first",
    "estimated_duration": "expected_duration, as the Rust Maelstrom calls it",
    "slots": "how many slots the job takes",
    "stdin": "what it can read: a text, or a file of this machine",
    "outputs": "patterns of files that are brought back when it has ended",
    "allocate_tty": "it has a terminal of its own, which is yours: for --one",
    "outputs_size": "how large all of them may be; 16 MiB if it is not said",
    # Of directives.
    "filter": "which tests; all without it",
    "ignore": "the tests are not run, and shown as skipped",
    "isolation": "an interpreter started for this test alone, or a fork of a warm one",
    "group_by": "which tests share one container, one after the other",
    "command": "program and arguments; what it changes in its container is the layer",
    "project": "whether the command sees the project's files; false: edits do not run it anew",
    # Of containers.
    "image": "the image that it is made from: docker://NAME:TAG, oci:DIRECTORY or an archive",
    "parent": "the container that this one is made from; default is there without being written",
    "layers": "files, lowest layer first; instead of the parent's",
    "added_layers": "files on top of the parent's",
    "environment": "variables, instead of the parent's; $env{NAME} is one of your shell",
    "added_environment": "variables after the parent's; $prev{NAME} is what there was",
    "mounts": "mounts, instead of the parent's",
    "added_mounts": "mounts after the parent's; one at the same place takes its place",
    "labels": "what a machine must have to run it, instead of the parent's; by its settings",
    "added_labels": "besides the parent's",
    "network": "nothing, loopback of its own, or this machine's own",
    "enable_writable_file_system": "whether the root may be written to; that ends with the job",
    "capture_changes": "what was written to the root comes back as a layer of the store",
    "supplementary_groups": "ids of groups that processes are in besides, if the host has any to spare",
    "root_size": "how much may be written to the root",
    "working_directory": "where the program starts",
    "user": "id of the user inside",
    "group": "id of the group inside",
    "hostname": "name of the machine inside",
    "limits": "what one job may use; those that are named are changed",
    "capabilities": "those kept in the container's own user namespace, such as CAP_NET_ADMIN",
    "seccomp": "whether system calls are refused that no test needs",
    "init": "whether a tiny pid 1 reaps orphans and passes signals on",
}
"""By key; those that are refused are not among them."""
