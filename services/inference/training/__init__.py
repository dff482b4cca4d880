"""Trains the fusion U-Net. Nothing of the service imports this, and only this imports torch."""
