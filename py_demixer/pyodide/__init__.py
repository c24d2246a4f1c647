"""What runs in Pyodide alone: the engine of the page, and weights from a site for notebooks."""
