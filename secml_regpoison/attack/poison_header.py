"""Header of the poison of a run."""
from secml.data import CDatasetHeader


class PoisonHeader(CDatasetHeader):
    """What `run` knows about its points."""

    def append(self, header):
        """The header of these points and other rows.

        secml refuses to join headers with different values, as those of two
        runs are. Joined points are not the result of one run: attributes that
        differ are left out.
        """
        differ = {name for name, value in self.get_params().items()
                  if getattr(header, name, value) != value}
        ours, theirs = (CDatasetHeader(**{
            name: value for name, value in part.get_params().items()
            if name not in differ}) for part in (self, header))
        return PoisonHeader(**ours.append(theirs).get_params())
