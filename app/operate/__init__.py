"""The verbs of daily work, a function each; the faces (command line, HTTP) only print."""
