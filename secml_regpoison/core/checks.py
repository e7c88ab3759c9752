"""The one form of errors about a value."""


def check(name: str, value: object, ok: object, condition: str,
          advice: str = '') -> None:
    """Raise ValueError unless `ok`: the name, the condition, the value."""
    if not ok:
        raise ValueError(
            f'`{name}` must be {condition}, got {value!r}.{advice}')
