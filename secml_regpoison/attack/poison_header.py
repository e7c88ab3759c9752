"""Header of the poison of a run."""
from secml.data import CDatasetHeader


class PoisonHeader(CDatasetHeader):
    """What a run knows of its points, see there."""

    def append(self, header):
        """The header of these points and other rows.

        Two runs differ in most of what they know, and secml refuses to join
        headers that do. Joined points are not the result of one run: what
        differs is left out.
        """
        differ = {name for name, value in self.get_params().items()
                  if getattr(header, name, value) != value}
        ours, theirs = (CDatasetHeader(**{
            name: value for name, value in part.get_params().items()
            if name not in differ}) for part in (self, header))
        return PoisonHeader(**ours.append(theirs).get_params())
