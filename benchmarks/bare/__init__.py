"""The yardstick: the same endpoints as views that are written by hand.

They check the same token, lock, read and write the same tables and give the same answers, with as
few statements as that takes; all that is general is left out. Statements are built once.
"""
