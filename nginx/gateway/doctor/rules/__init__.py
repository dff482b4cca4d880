"""From what was seen to what is wrong: pure functions of `Seen`, one file a part of the call."""
