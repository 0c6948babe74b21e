"""What is seen of the starting process."""


def test_says(say):
    say("in words of its own")


def test_base(tmp_path, pytestconfig):
    assert tmp_path.is_relative_to(pytestconfig.rootpath / "base")
