"""Every way in which a job can end, and what is known of it. Run: python outcomes.py"""

from maelstrom_core.api import (
    CouldNotStart,
    Exited,
    InputError,
    Outcome,
    OverLimit,
    Runner,
    Signaled,
    TimedOut,
    describe,
)

SHELL = {"program": "sh"}
JOBS = {
    "well": {"program": "true"},
    "badly": {**SHELL, "arguments": ["-c", "exit 3"]},
    "by a signal": {**SHELL, "arguments": ["-c", "kill -SEGV $$"]},
    "too late": {"program": "sleep", "arguments": ["60"], "timeout": 0.2},
    "with too much output": {"program": "yes", "limits": {"output": "1MiB"}},
    "not at all": {"program": "no-such-program"},
}


def advice(outcome: Outcome) -> str:
    """What somebody might do about it."""
    match outcome:
        case Exited(0):
            return "nothing to do"
        case Exited(code):
            return f"look into its output: it said {code}"
        case Signaled(number):
            return f"it crashed with signal {number}"
        case OverLimit(hit):
            return hit.remedy
        case TimedOut(seconds):
            return f"give it more than {seconds} s"
        case CouldNotStart(remedy=remedy):
            return remedy
        case _:
            return "see what it says"


def main() -> None:
    with Runner() as runner:
        for name, job in JOBS.items():
            result = runner.run(job)
            print(f"{name}: {describe(result.outcome)} → {advice(result.outcome)}")
        # Files that a job leaves come with its result.
        job = {**SHELL, "arguments": ["-c", "uname > system.txt"], "outputs": ["*.txt"]}
        for file in runner.run(job).outputs:
            print(f"{file.path}: {file.data.decode().strip()}")
        # A job that is not written as it must be is no job: nothing is run.
        try:
            runner.run({"programm": "true", "timeout": "soon"})
        except InputError as error:
            print(error)


if __name__ == "__main__":
    main()
