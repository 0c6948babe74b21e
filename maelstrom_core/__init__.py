"""Shared by all runners and daemons; knows none of them.

Light on purpose: slot processes import this package before they exist for anything.
"""
