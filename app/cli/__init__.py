"""The command line: parse, call one function of operate, print."""
