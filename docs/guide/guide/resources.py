"""What blocks of the guide may need: the generator asks here."""


def available(name: str) -> bool:
    return name == "paper"
