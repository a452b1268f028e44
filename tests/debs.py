"""Make Debian packages for tests, out of nothing but names and contents."""

import io
import tarfile


def tar(members, mode="w:xz"):
    """Return a tar of {name: bytes, or a TarInfo to put in as it is}."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def write_deb(path, members):
    """Write a package with `members` as its files: an ar of three parts (man 5 deb)."""
    control = tar({"./control": f"Package: {path.name.split('_')[0]}\nVersion: 1\n".encode()})
    parts = {
        "debian-binary": b"2.0\n",
        "control.tar.xz": control,
        "data.tar.xz": tar(members),
    }
    with open(path, "wb") as file:
        file.write(b"!<arch>\n")
        for name, content in parts.items():
            file.write(f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode())
            file.write(content + b"\n" * (len(content) % 2))
    return path
