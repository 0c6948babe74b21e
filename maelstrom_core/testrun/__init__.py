"""What all test runners share: order, stopping, one report for each case."""
