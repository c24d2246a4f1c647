"""The static web page, and the code that assembles and serves it; the page is not Python."""
