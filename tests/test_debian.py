import hashlib
import shutil
import tarfile

import numpy as np
import pytest
from debs import write_deb
from served import served

from voicegraft.fetching.debian import Package, PackageError, find_package, unpack

FILES = {"./usr/a/one.ogg": b"1", "./usr/b/c/two ř.ogg": b"22", "./usr/readme": b"no"}


@pytest.fixture(params=["dpkg-deb", "python-debian"])
def unpacker(request, monkeypatch):
    if request.param == "python-debian":
        monkeypatch.setattr(shutil, "which", lambda _: None)
    elif not shutil.which("dpkg-deb"):
        pytest.skip("there is no dpkg-deb here")


@pytest.fixture
def package(tmp_path):
    """A package on a mirror made of files."""
    name, version = "tale-data", "1.0-1"
    pool = tmp_path / "mirror/pool/main/t/tale-data"
    pool.mkdir(parents=True)
    deb = write_deb(pool / f"{name}_{version}_all.deb", FILES)
    return Package(name, version, hashlib.sha256(deb.read_bytes()).hexdigest())


def kept_in(downloads):
    return [path.name for path in downloads.iterdir() if path.name != ".lock"]


@pytest.mark.usefixtures("unpacker")
def test_only_the_files_asked_for_are_unpacked(tmp_path):
    folder = unpack(write_deb(tmp_path / "x_1_all.deb", FILES), tmp_path, "*.ogg")
    found = {f.relative_to(folder).as_posix(): f.read_bytes() for f in folder.rglob("*.*")}
    assert found == {"usr/a/one.ogg": b"1", "usr/b/c/two ř.ogg": b"22"}


@pytest.mark.usefixtures("unpacker")
@pytest.mark.parametrize("name", ["../../evil.ogg", "/tmp/evil.ogg", "./a/../../../evil.ogg"])
def test_no_name_leads_out_of_the_folder(name, tmp_path):
    deb = write_deb(tmp_path / "x_1_all.deb", {"./good.ogg": b"1", name: b"2"})
    with pytest.raises(PackageError, match="evil"):
        unpack(deb, tmp_path / "downloads", "*.ogg")
    assert not list(tmp_path.rglob("evil.ogg"))


@pytest.mark.usefixtures("unpacker")
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_only_regular_files_are_written(kind, tmp_path):
    member = tarfile.TarInfo("./usr/link.ogg")
    member.type, member.linkname = kind, "./usr/a/one.ogg"
    deb = write_deb(tmp_path / "x_1_all.deb", FILES | {"link": member})
    folder = unpack(deb, tmp_path / "downloads", "*.ogg")
    assert not (folder / "usr/link.ogg").exists()


@pytest.mark.usefixtures("unpacker")
def test_a_changed_byte_inside_is_found_out(tmp_path):
    deb = write_deb(tmp_path / "x_1_all.deb", {"./a.ogg": np.random.default_rng(0).bytes(50_000)})
    content = bytearray(deb.read_bytes())
    content[25_000] ^= 1
    deb.write_bytes(content)
    with pytest.raises(PackageError, match="x_1_all.deb"):
        unpack(deb, tmp_path, "*.ogg")


@pytest.mark.usefixtures("unpacker")
@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_a_damaged_package_is_named_and_leaves_no_folder(share, tmp_path):
    deb = write_deb(tmp_path / "x_1_all.deb", FILES | {"./noise.ogg": bytes(range(256)) * 99})
    deb.write_bytes(deb.read_bytes()[: int(deb.stat().st_size * share)])
    with pytest.raises(PackageError, match="x_1_all.deb"):
        unpack(deb, tmp_path, "*.ogg")
    assert not [p for p in tmp_path.iterdir() if p.is_dir() and p.suffix != ".part"]


def test_an_error_that_dpkg_deb_finds_at_the_end_is_raised(tmp_path):
    if not shutil.which("dpkg-deb"):
        pytest.skip("there is no dpkg-deb here")
    # Each file fills a block of dpkg-deb's output, so what comes out ends as if it were whole.
    block = bytes(32 * 1024 - 512)
    deb = write_deb(tmp_path / "x_1_all.deb", {f"./{i}.ogg": block for i in range(16)})
    content = bytearray(deb.read_bytes())
    content[content.rindex(b"YZ")] ^= 1  # how xz ends
    deb.write_bytes(content)
    with pytest.raises(PackageError, match="x_1_all.deb"):
        unpack(deb, tmp_path, "*.ogg")


def test_a_package_without_the_files_is_named(tmp_path):
    with pytest.raises(PackageError, match=r"x_1_all.deb holds no \*.lua"):
        unpack(write_deb(tmp_path / "x_1_all.deb", FILES), tmp_path, "*.lua")


def test_another_package_of_the_same_name_is_unpacked_anew(tmp_path):
    folders = []
    for content in (b"1", b"2", b"1"):
        deb = write_deb(tmp_path / "x_1_all.deb", {"./a.ogg": content})
        folders.append(unpack(deb, tmp_path, "*.ogg"))
        assert (folders[-1] / "a.ogg").read_bytes() == content
    assert folders[0] == folders[2] != folders[1]


def test_the_users_own_file_comes_first(package, tmp_path):
    places = tmp_path / "own", tmp_path / "downloads"
    for place in places:
        place.mkdir()
        write_deb(place / "tale-data_0.9_all.deb", FILES)
        write_deb(place / "tale-data-cs_2.0_all.deb", FILES)
    assert find_package(package, *places, "") == tmp_path / "own/tale-data_0.9_all.deb"


def test_what_a_mirror_gave_is_not_fetched_again(package, tmp_path):
    places = tmp_path / "own", tmp_path / "downloads"
    mirror = (tmp_path / "mirror").as_uri()
    fetched = find_package(package, *places, mirror)
    shutil.rmtree(tmp_path / "mirror")
    assert find_package(package, *places, mirror) == fetched


def test_a_wrong_hash_is_refused_and_nothing_is_kept(package, tmp_path):
    wrong = Package(package.name, package.version, "0" * 64)
    with pytest.raises(PackageError, match=f"{package.sha256}, not {'0' * 64}"):
        find_package(wrong, tmp_path, tmp_path / "downloads", (tmp_path / "mirror").as_uri())
    assert kept_in(tmp_path / "downloads") == []


@pytest.mark.parametrize("mirror", ["file:///nowhere", "no url"])
def test_a_mirror_that_does_not_answer_is_named(mirror, package, tmp_path):
    with pytest.raises(PackageError, match=f"corpus.mirror: {mirror}"):
        find_package(package, tmp_path, tmp_path / "downloads", mirror)


def test_without_apt_the_error_says_what_to_do(package, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(PackageError, match=r"tale-data_1.0-1_all.deb.*folder.*corpus.mirror"):
        find_package(package, tmp_path, tmp_path / "downloads", "")


def test_a_mirror_may_be_a_folder_of_any_name(package, tmp_path):
    mirror = tmp_path / "mirror"
    named = mirror.rename(tmp_path / "a \"mirror\" of 'řeč' $(touch pwned)")
    for url in (named.as_uri(), f"file://{named}"):
        downloads = tmp_path / f"downloads of {url[-9:]}"
        found = find_package(package, tmp_path, downloads, url)
        assert found == downloads / package.file_name


def test_a_mirror_on_the_web_may_have_a_path_of_any_name(tmp_path):
    package = Package("tale-data", "1.0-1", hashlib.sha256(b"a package").hexdigest())
    with served(b"a package", served_at=None) as (url, _):
        mirror = url.replace("model.pth", "a \"mirror\" of 'řeč' $(touch pwned)")
        assert find_package(package, tmp_path, tmp_path / "d", mirror).read_bytes() == b"a package"


def test_a_mirror_that_leads_away_to_http_is_refused(package, tmp_path):
    with served(b"a package") as (url, _):
        with pytest.raises(PackageError, match=r"http://example\.org/model\.pth is not https"):
            find_package(package, tmp_path, tmp_path / "downloads", url)


def test_a_cut_download_is_an_error_and_the_next_run_continues_where_it_ended(tmp_path):
    content = bytes(range(256)) * 4000
    package = Package("tale-data", "1.0-1", hashlib.sha256(content).hexdigest())
    with served(content, cut=600_000, served_at=None) as (url, asked):
        with pytest.raises(PackageError, match="cut off 424000 bytes before the end"):
            find_package(package, tmp_path, tmp_path / "downloads", url)
        found = find_package(package, tmp_path, tmp_path / "downloads", url)
    assert found.read_bytes() == content
    assert asked == [None, "bytes=600000-"]


def test_a_full_disk_is_named_with_the_folder(package, tmp_path):
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    (downloads / f"{package.file_name}.part").symlink_to("/dev/full")
    with pytest.raises(PackageError, match=f"cannot be kept in {downloads}: .*No space left"):
        find_package(package, tmp_path, downloads, (tmp_path / "mirror").as_uri())


def test_a_package_that_was_damaged_where_it_is_kept_is_fetched_anew(package, tmp_path):
    places, mirror = (tmp_path / "own", tmp_path / "downloads"), (tmp_path / "mirror").as_uri()
    fetched = find_package(package, *places, mirror)
    fetched.write_bytes(fetched.read_bytes()[:-9])
    assert find_package(package, *places, mirror) == fetched
    assert hashlib.sha256(fetched.read_bytes()).hexdigest() == package.sha256


@pytest.mark.usefixtures("unpacker")
@pytest.mark.parametrize(("place", "kept"), [("downloads", False), ("own", True)])
def test_a_damaged_package_is_deleted_if_it_was_fetched_and_left_if_it_is_the_users(
    place, kept, tmp_path
):
    for folder in ("downloads", "own"):
        (tmp_path / folder).mkdir()
    deb = write_deb(tmp_path / place / "x_1_all.deb", FILES)
    deb.write_bytes(deb.read_bytes()[:-300])
    with pytest.raises(PackageError, match="x_1_all.deb cannot be unpacked"):
        unpack(deb, tmp_path / "downloads", "*.ogg")
    assert deb.exists() == kept
    assert not [p for p in (tmp_path / "downloads").iterdir() if p.is_dir()]


@pytest.mark.usefixtures("unpacker")
def test_a_package_that_unpacks_to_more_than_any_corpus_has_is_refused(tmp_path):
    deb = write_deb(tmp_path / "x_1_all.deb", {f"./{i}.ogg": bytes(6_000_000) for i in range(2)})
    assert deb.stat().st_size < 100_000
    with pytest.raises(PackageError, match="x_1_all.deb would unpack to more than 10,000,000"):
        unpack(deb, tmp_path / "downloads", "*.ogg", most_bytes=10_000_000)
    assert kept_in(tmp_path / "downloads") == []
    assert unpack(deb, tmp_path / "downloads", "*.ogg").is_dir()


@pytest.mark.usefixtures("unpacker")
def test_a_link_that_a_later_file_would_go_through_is_left_out(tmp_path):
    link = tarfile.TarInfo("./out")
    link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
    deb = write_deb(tmp_path / "x_1_all.deb", {"link": link, "./out/evil.ogg": b"2"})
    folder = unpack(deb, tmp_path / "downloads", "*.ogg")
    assert (folder / "out/evil.ogg").read_bytes() == b"2"
    assert not (tmp_path / "evil.ogg").exists()
