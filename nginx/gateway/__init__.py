"""The gateway's configuration: one validated policy, rendered for nginx from editable templates."""
