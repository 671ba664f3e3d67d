"""Inputs of the fuzzer: files, flags and command lines drawn at random."""
