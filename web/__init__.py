"""The static page and what assembles and serves it; the page itself is not Python."""
