"""Code for Pyodide only: the web page's engine, and fetching weights from a site in notebooks."""
