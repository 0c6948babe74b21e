"""The only room that speaks to the kernel.

Light on purpose: slot processes load this package with the standard library alone.
"""
