"""One module per resource: read the request, call one service, render one template. `web/roles.py` mounts them."""
