"""What happened, told to others: domain events, where they go, and how far each destination has heard."""
