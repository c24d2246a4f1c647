"""Audio files: reading, writing, and folders of them."""
