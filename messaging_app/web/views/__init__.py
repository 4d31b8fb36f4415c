"""One module per resource: request in, one service call, one template out. Roles mount them in `roles/`."""
