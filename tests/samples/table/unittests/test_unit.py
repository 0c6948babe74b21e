"""unittest's own kinds of tests."""

import unittest


def setUpModule():
    TestUnit.of_the_module = ["set up"]


class TestUnit(unittest.TestCase):
    of_the_module = None

    @classmethod
    def setUpClass(cls):
        cls.made = 1

    def setUp(self):
        self.own = 2
        self.addCleanup(self.cleaned)

    def cleaned(self):
        self.own = 0

    def test_unit(self):
        self.assertEqual(self.made + self.own, 3)
        self.assertEqual(self.of_the_module, ["set up"])

    def test_fails(self):
        with self.subTest(number=1):
            self.assertEqual(1, 2)
        self.assertTrue(False)

    @unittest.expectedFailure
    def test_expected(self):
        self.fail()

    @unittest.skip("not today")
    def test_skips(self):
        raise AssertionError


class TestAsync(unittest.IsolatedAsyncioTestCase):
    async def test_awaits(self):
        self.assertTrue(True)
