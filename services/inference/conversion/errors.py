"""What can go wrong while models are fetched and converted."""


class ConversionError(Exception):
    """Base of all errors of this package; the message says what to do."""


class UnknownLayer(ConversionError):
    """A model file holds an operator or layer that the converter does not know."""


class DamagedModel(ConversionError):
    """A model file does not follow its format."""


class ChecksumMismatch(ConversionError):
    """A downloaded file is not the pinned one."""


class PackageUnavailable(ConversionError):
    """A package registry did not hand out a pinned package."""
