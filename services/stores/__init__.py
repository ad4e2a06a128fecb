"""Where server-side state lives: sessions and refresh tokens over memory, Redis and PostgreSQL."""
