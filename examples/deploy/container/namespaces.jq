# The filter of system calls that an engine has anyway, and eleven calls more: what a worker needs.
#   jq -f namespaces.jq default.json > worker.json        docker run --security-opt seccomp=worker.json …
# Where the engine's own lies: Podman /usr/share/containers/seccomp.json; Docker seccomp/default.json of
# https://github.com/moby/profiles (of its version, as: it is built into dockerd)
["clone", "clone3", "mount", "mount_setattr", "move_mount", "open_tree", "pivot_root", "sethostname", "setns",
 "umount2", "unshare"] as $calls
| del(.syscalls[].names[] | select(IN($calls[])))
| del(.syscalls[] | select(.names == []))
| .syscalls += [{names: $calls, action: "SCMP_ACT_ALLOW"}]
