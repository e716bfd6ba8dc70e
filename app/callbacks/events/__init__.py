"""Domain events on their way: to functions of the application, and to addresses of its owner."""
