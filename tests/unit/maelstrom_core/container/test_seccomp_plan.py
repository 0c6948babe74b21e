"""The filter is interpreted, for every number and both machines: what is refused, and how."""

from struct import iter_unpack, unpack_from

import pytest

from maelstrom_core.container.seccomp_plan import (
    ALLOW,
    AUDIT_ARCHITECTURES,
    EPERM,
    ERRNO,
    KILL,
    REFUSED,
    TIOCLINUX,
    TIOCSTI,
    filter_for,
)

ENOSYS = 38
IOCTL = {"x86_64": 16, "aarch64": 29}
OTHER = {"x86_64": "aarch64", "aarch64": "x86_64"}


def answer(program: bytes, number: int, architecture: int, request: int = 0) -> int:
    """What a kernel would answer: classic BPF, as far as the filter uses it."""
    data = (
        number.to_bytes(4, "little")
        + architecture.to_bytes(4, "little")
        + bytes(8)
        + bytes(8)
        + request.to_bytes(8, "little")
        + bytes(32)
    )
    instructions = list(iter_unpack("<HBBI", program))
    at = accumulator = 0
    while True:
        code, if_true, if_false, operand = instructions[at]
        at += 1
        match code:
            case 0x20:
                (accumulator,) = unpack_from("<I", data, operand)
            case 0x15:
                at += if_true if accumulator == operand else if_false
            case 0x35:
                at += if_true if accumulator >= operand else if_false
            case 0x06:
                return operand
            case _:
                raise AssertionError(f"instruction {code:#x} is not known")


@pytest.mark.parametrize("machine", list(AUDIT_ARCHITECTURES))
def test_exactly_the_calls_of_the_table_are_refused(machine):
    program, architecture = filter_for(machine), AUDIT_ARCHITECTURES[machine]
    refused = {
        number: answered
        for number in range(600)
        if (answered := answer(program, number, architecture)) != ALLOW
    }
    table = REFUSED[machine]
    assert refused == (
        dict.fromkeys(table["EPERM"].values(), ERRNO | EPERM)
        | dict.fromkeys(table["ENOSYS"].values(), ERRNO | ENOSYS)
    )


@pytest.mark.parametrize("machine", list(AUDIT_ARCHITECTURES))
def test_nobody_types_into_a_terminal(machine):
    program, architecture = filter_for(machine), AUDIT_ARCHITECTURES[machine]
    for request in (TIOCSTI, TIOCLINUX):
        assert answer(program, IOCTL[machine], architecture, request) == ERRNO | EPERM
        # The kernel looks at the lower half of the request alone, and so must the filter.
        assert answer(program, IOCTL[machine], architecture, request | 1 << 32) == ERRNO | EPERM
    assert answer(program, IOCTL[machine], architecture, 0x5401) == ALLOW


@pytest.mark.parametrize("machine", list(AUDIT_ARCHITECTURES))
def test_calls_of_another_architecture_end_the_process(machine):
    program = filter_for(machine)
    assert answer(program, 0, AUDIT_ARCHITECTURES[OTHER[machine]]) == KILL
    assert answer(program, 0, 0x40000003) == KILL  # 32 bit, by int 0x80


def test_the_second_numbering_of_x86_64_is_not_a_way_around():
    program, architecture = filter_for("x86_64"), AUDIT_ARCHITECTURES["x86_64"]
    for number in (0, 321, 520):
        assert answer(program, number | 0x40000000, architecture) == ERRNO | ENOSYS


@pytest.mark.parametrize("machine", list(AUDIT_ARCHITECTURES))
def test_an_allowed_call_costs_little(machine):
    """Depth of the search: instructions on the longest way."""
    program = filter_for(machine)
    assert len(program) // 8 < 120
