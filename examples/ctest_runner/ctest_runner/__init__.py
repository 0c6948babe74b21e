"""A runner for CTest, the test driver of CMake, as a package of its own."""
