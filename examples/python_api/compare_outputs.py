"""Does a program do the same whatever its surroundings? With trio. Run: python compare_outputs.py

The same script, in containers that differ in one thing each, all at once.
"""

import trio

from maelstrom_core.api import AsyncRunner, open_runner

SCRIPT = "sort words; id -u; pwd; ls /tmp | wc -l"
WORDS = "b\nA\na\nB\n"
SURROUNDINGS = {
    "as it is": {},
    "another language": {"added_environment": {"LC_ALL": "C"}},
    "another user": {"user": 4321},
    "another directory": {"working_directory": "/var"},
    "no network": {"network": "disabled"},
}


async def run_in(runner: AsyncRunner, name: str, around: dict, found: dict[str, str]) -> None:
    """Run the script in some surroundings."""
    script = f"printf '{WORDS}' > words 2>/dev/null || exit 9; {SCRIPT}"
    result = await runner.run({"program": "sh", "arguments": ["-c", script], **around})
    found[name] = f"{result.outcome}\n{result.stdout.text()}"


async def main() -> None:
    found: dict[str, str] = {}
    async with open_runner() as runner, trio.open_nursery() as nursery:
        for name, around in SURROUNDINGS.items():
            nursery.start_soon(run_in, runner, name, around, found)
    expected = found["as it is"]
    for name in SURROUNDINGS:
        print(f"{name}: {'the same' if found[name] == expected else 'otherwise'}")


if __name__ == "__main__":
    trio.run(main)
