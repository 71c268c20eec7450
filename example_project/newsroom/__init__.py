"""The newsroom of an invented newspaper: what a site with newsindex looks like."""
