"""Files of named arrays: one file for a segment, written once, mapped into memory by everyone who reads it.

    0    magic, 8 bytes
    8    version of the format, unsigned 32 bit; 4 bytes of zeros
    16   where the directory begins, its size, its CRC-32: unsigned 64 bit each
    40   zeros up to the first array
    ...  the arrays, each at a multiple of 64 bytes, little endian
    ...  the directory, JSON: {"meta": ..., "arrays": {name: [type, length, offset, CRC-32]}, "blocks": {name: [...]}}

An array of more than 64 kB has a CRC-32 for each 64 kB of it in "blocks", and in "arrays" the CRC-32 of those. Whoever
reads an array has it checked first, as far as he reads and once for each block, so wrong bytes are never an answer.

Nothing in it is code, and a file that is cut off, foreign or of another version is an IndexDamaged that names it.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from json.encoder import encode_basestring_ascii as _quoted
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from newsindex.exceptions import IndexDamaged

Array = NDArray[Any]

MAGIC: Final = b"nwsindx\n"
VERSION: Final = 1
_HEADER: Final = struct.Struct("<8sIIQQQ")
_ALIGNMENT: Final = 64
#: Types that a file may name: unsigned and signed numbers and doubles, never objects.
_TYPES: Final = {
    kind: np.dtype(kind) for kind in ("|u1", "|i1", "<u2", "<u4", "<u8", "<i2", "<i4", "<i8", "<f4", "<f8")
}
_SIZES: Final = {kind: dtype.itemsize for kind, dtype in _TYPES.items()}
_UNSIGNED: Final = tuple(_TYPES[kind] for kind in ("|u1", "<u2", "<u4", "<u8"))
#: How ``struct`` calls the same.
_CODES: Final = "BHIQ"
_CHUNK: Final = 1 << 22
_ZEROS: Final = bytes(_ALIGNMENT)
#: How many bytes of an array have a checksum of their own: what a single look at it costs at most, a tenth of a ms.
_BLOCK: Final = 1 << 16
#: Up to so many bytes are collected before they are written: most small segments have no more. No more than a block.
_SMALL: Final = 1 << 16


def smallest(values: Array) -> Array:
    """The same whole numbers, none negative, in the smallest unsigned type that holds them all."""
    return values.astype(smallest_type(int(values.max()) if len(values) else 0), copy=False)


def smallest_type(largest: int) -> np.dtype[Any]:
    """The smallest unsigned type for numbers up to ``largest``."""
    return _UNSIGNED[(largest > 0xFF) + (largest > 0xFFFF) + (largest > 0xFFFFFFFF)]


def ascending(values: Array, name: str) -> Array:
    """The same, which are places in another array. ValueError where one lies before the one before it.

    With the right ends (shape.py), what lies between two of them is never more than there is.
    """
    if (values[1:] < values[:-1]).any():
        raise ValueError(f"its array {name} does not ascend")
    return values


def packed(values: Sequence[int], largest: int) -> tuple[str, bytes]:
    """Whole numbers up to ``largest`` as ``ArrayWriter.put`` takes them, in the smallest unsigned type."""
    if largest <= 0xFF:
        return "|u1", bytes(values)
    at = 1 + (largest > 0xFFFF) + (largest > 0xFFFFFFFF)
    return _UNSIGNED[at].str, struct.pack(f"<{len(values)}{_CODES[at]}", *values)


class Directory(NamedTuple):
    """What a file says of itself, as JSON has it, and its size in bytes: for those who go on with what they wrote."""

    size: int
    meta: Mapping[str, Any]
    arrays: Mapping[str, Sequence[Any]]
    blocks: Mapping[str, Sequence[int]]


class ArrayWriter:
    """Writes a file of arrays, any of them in pieces. The file counts only once ``close`` has returned.

    Usage: ``reserve`` every array that comes in pieces, then ``append`` the pieces of each in their order; ``add`` an
    array as a whole at any time; ``close``. OSError where the system refuses.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._end = _HEADER.size
        self._arrays: dict[str, list[Any]] = {}
        #: Of the arrays that come in pieces: the checksums of their blocks, and how many values they have.
        self._blocks: dict[str, list[int]] = {}
        self._filled: dict[str, int] = {}
        #: Bytes that are still to be written, and where. There is room for the header, which comes last.
        self._waiting = bytearray(_HEADER.size)
        self._waiting_at = 0

    def add(self, name: str, values: Array) -> None:
        """A whole array."""
        kind = values.dtype.str
        if kind in _TYPES and values.nbytes <= _SMALL:
            self.put(name, kind, values.tobytes())
            return
        self.reserve(name, values.dtype, len(values))
        self.append(name, values)

    def put(self, name: str, kind: str, data: bytes) -> None:
        """A whole array of a type as files name it, by its bytes: for small ones, of which a commit has dozens."""
        if len(data) > _SMALL:
            self.reserve(name, kind, len(data) // _TYPES[kind].itemsize)
            self.append(name, np.frombuffer(data, kind))
            return
        offset = self._room(name, kind, len(data) // _SIZES.get(kind, 1), zlib.crc32(data))
        gap = offset - self._waiting_at - len(self._waiting)
        if 0 <= gap < _ALIGNMENT and len(self._waiting) + len(data) <= _SMALL:
            self._waiting += _ZEROS[:gap]
            self._waiting += data
        else:
            self._write(memoryview(data), offset)

    def reserve(self, name: str, kind: DTypeLike, length: int) -> None:
        """Make room for ``length`` values."""
        self._room(name, np.dtype(kind).newbyteorder("<").str, int(length))
        self._blocks[name], self._filled[name] = [], 0

    def _room(self, name: str, kind: str, length: int, checksum: int = 0) -> int:
        """Where an array begins."""
        if kind not in _SIZES or name in self._arrays:
            raise ValueError(f"{self._path}: no array {name!r} of {kind} can be added.")
        offset = self._end + -self._end % _ALIGNMENT
        self._arrays[name] = [kind, length, offset, checksum]
        self._end = offset + _SIZES[kind] * length
        return offset

    def append(self, name: str, values: Array) -> None:
        """The next piece of an array for which there is room."""
        kind, length, offset, _ = self._arrays[name]
        piece = np.ascontiguousarray(values, dtype=kind)
        if not np.can_cast(values.dtype, piece.dtype) and not np.array_equal(piece, values):
            raise ValueError(f"{self._path}: {name} has values that {kind} can't hold.")
        if self._filled[name] + len(piece) > length:
            raise ValueError(f"{self._path}: {name} has room for {length} values only.")
        data = memoryview(piece).cast("B") if len(piece) else memoryview(b"")
        before = self._filled[name] * piece.itemsize
        self._write(data, offset + before)
        _sum_up(self._blocks[name], data, before)
        self._filled[name] += len(piece)

    def end(self, name: str) -> None:
        """No more pieces come of the array for which there was made room last: it is as long as it is."""
        kind, length, offset, _ = self._arrays[name]
        if self._end != offset + _SIZES[kind] * length:
            raise ValueError(f"{self._path}: something follows {name} already.")
        self._arrays[name][1] = self._filled[name]
        self._end = offset + _SIZES[kind] * self._filled[name]

    def close(self, meta: Mapping[str, Any]) -> Directory:
        """Write the directory and make the file durable. meta: JSON."""
        for name, filled in self._filled.items():
            if filled != self._arrays[name][1]:
                raise ValueError(f"{self._path}: {name} has {filled} of {self._arrays[name][1]} values.")
            self._arrays[name][3] = _checksum(self._blocks[name])
        blocks = {name: sums for name, sums in self._blocks.items() if len(sums) > 1}
        directory = _encoded(meta, self._arrays, blocks)
        self._write(memoryview(directory), self._end)
        header = _HEADER.pack(MAGIC, VERSION, 0, self._end, len(directory), zlib.crc32(directory))
        if self._waiting_at:
            self._write(memoryview(header), 0)
        else:
            self._waiting[: len(header)] = header
        self._flush()
        os.fsync(self._file)
        self._release()
        return Directory(self._end + len(directory), meta, self._arrays, blocks)

    def abort(self) -> None:
        """Remove the unfinished file."""
        self._release()
        with suppress(FileNotFoundError):
            os.unlink(self._path)

    def _write(self, data: memoryview, offset: int) -> None:
        """Write bytes. A few wait for those that follow: most arrays of a small segment are small."""
        gap = offset - self._waiting_at - len(self._waiting)
        # What lies before the beginning of an array, and after the piece written last, has no data yet.
        near = 0 <= gap < _ALIGNMENT and (gap == 0 or offset % _ALIGNMENT == 0)
        if not near or len(self._waiting) + len(data) > _SMALL:
            self._flush()
            self._waiting_at, gap = offset, 0
        if len(data) > _SMALL:
            self._put(data, offset)
        else:
            self._waiting += bytes(gap)
            self._waiting += data

    def _flush(self) -> None:
        with memoryview(self._waiting) as data:
            self._put(data, self._waiting_at)
        self._waiting.clear()

    def _put(self, data: memoryview, offset: int) -> None:
        at = 0
        while at < len(data):
            at += os.pwrite(self._file, data[at : at + (_CHUNK << 4)], offset + at)

    def _release(self) -> None:
        handle, self._file = self._file, -1
        if handle >= 0:
            os.close(handle)


def _encoded(meta: Mapping[str, Any], arrays: Mapping[str, Sequence[Any]], blocks: Mapping[str, list[int]]) -> bytes:
    """The directory of a file: JSON."""
    # The encoder takes several times as long for many short lists.
    places = [f'{_quoted(name)}:["{kind}",{length},{at},{crc}]' for name, (kind, length, at, crc) in arrays.items()]
    said, sums = (json.dumps(each, separators=(",", ":")) for each in (meta, blocks))
    return f'{{"meta":{said},"arrays":{{{",".join(places)}}},"blocks":{sums}}}'.encode()


def _sum_up(sums: list[int], data: memoryview, before: int) -> None:
    """Go on with the checksums of an array's blocks, of which ``before`` bytes are in them already."""
    at = 0
    while at < len(data):
        inside = (before + at) % _BLOCK
        if not inside:
            sums.append(0)
        end = min(at + _BLOCK - inside, len(data))
        sums[-1] = zlib.crc32(data[at:end], sums[-1])
        at = end


def _checksum(sums: Sequence[int]) -> int:
    """The checksum of a whole array, from those of its blocks."""
    if len(sums) < 2:
        return sums[0] if sums else 0
    return zlib.crc32(struct.pack(f"<{len(sums)}I", *sums))


class ArrayFile:
    """A file of arrays, mapped. ``meta`` is what its writer said of it; ``file[name]`` is an array, read-only.

    The arrays stay good when the file is removed, and after a fork; the memory is given back with the last of them.
    """

    def __init__(self, path: Path | str, written: Directory | None = None) -> None:
        """IndexDamaged where the file is missing (then with FileNotFoundError as its cause), foreign or cut off.

        written: what it says of itself, for whoever has just written it; arrays are checked as ever.
        """
        self.path = path
        self._data, self._status = _mapped(path)
        self._name = os.fspath(path)
        self.size = len(self._data)
        self.meta: dict[str, Any]
        self._places: dict[str, tuple[np.dtype[Any], int, int, int]]
        self._sums: Mapping[str, Sequence[int]]
        #: The arrays that were asked for.
        self._arrays: dict[str, Array] = {}
        #: Those of which all was checked.
        self._whole: dict[str, Array] = {}
        if written is None:
            self._decode()
        elif written.size == self.size:
            self.meta = dict(written.meta)
            self._places = {name: (_TYPES[kind], *place) for name, (kind, *place) in written.arrays.items()}
            self._sums = written.blocks
        else:
            raise self._damaged("it is cut off or changed")
        #: For others that were asked for, a byte for each block, 1 where it was not, and how many values a block has.
        self._left: dict[str, tuple[bytearray, int]] = {}

    def _decode(self) -> None:
        directory = self._directory()
        try:
            self.meta = dict(directory["meta"].items())
            self._places = dict(self._checked(directory["arrays"]))
            # Written without blocks by versions before there were any; such an array is one block.
            self._sums = dict(self._checked_sums(directory.get("blocks", {})))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._damaged(f"its directory says {error!r}") from error

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def __getitem__(self, name: str) -> Array:
        array = self._whole.get(name)
        if array is None:
            array = self.unchecked(name)
            self.check(name, 0, len(array))
            self._whole[name] = array
        return array

    def part(self, name: str, first: int, end: int) -> Array:
        """``file[name][first:end]``, of which no more than that is checked: for large arrays."""
        array = self._whole.get(name)
        if array is None:
            array = self.unchecked(name)
            self.check(name, first, end)
        return array[first:end]

    def parts(self, name: str, firsts: Array, ends: Array) -> Array:
        """``file[name]``, of which the parts between ``firsts`` and ``ends`` are checked."""
        array = self._whole.get(name)
        if array is None:
            array = self.unchecked(name)
            for first, end in zip(firsts.tolist(), ends.tolist(), strict=True):
                self.check(name, first, end)
        return array

    def check(self, name: str, first: int, end: int) -> None:
        """IndexDamaged where values of an array, from ``first`` on, are not what was written. Each block once."""
        if first >= end or name in self._whole:
            return
        found = self._left.get(name)
        if found is None:
            blocks = bytearray(b"\1" * len(self._sums.get(name, "1")))
            values = max(self._block_size(name) // self._places[name][0].itemsize, 1)
            found = self._left.setdefault(name, (blocks, values))
        left, size = found
        stop = (end - 1) // size + 1
        block = left.find(1, first // size, stop)
        while block >= 0:
            if not self._is_sound(name, block):
                raise self._damaged(f"its array {name} is not what was written")
            left[block] = 0
            block = left.find(1, block + 1, stop)
        if 1 not in left:
            self._whole[name] = self.unchecked(name)
            self._left.pop(name, None)

    def unchanged(self) -> bool:
        """Whether nobody has written to the file since it was opened.

        One that was removed goes on being read, as far as it goes: reading beyond its end would end the process.
        """
        try:
            return _identity(os.stat(self._name)) == self._status
        except OSError:
            return self._data.size() == self.size

    def unchecked(self, name: str) -> Array:
        """An array for its length and type; what it holds may be wrong."""
        array = self._arrays.get(name)
        if array is None:
            try:
                kind, length, offset, _ = self._places[name]
            except KeyError:
                raise self._damaged(f"it has no array {name!r}") from None
            array = self._arrays[name] = (
                np.frombuffer(self._data, kind, length, offset) if length else np.empty(0, kind)
            )
        return array

    def bytes(self, name: str) -> memoryview:
        """An array of bytes as such, for slices that were checked: they are cheap, ``bytes(...)`` of one copies."""
        kind, length, offset, _ = self._places.get(name, (None, 0, 0, 0))
        if kind != np.dtype("u1"):
            raise self._damaged(f"it has no bytes {name!r}")
        return memoryview(self._data)[offset : offset + length]

    def release(self) -> None:
        """Give back the memory of what was read so far; reading goes on, from the system's cache."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._data.madvise(mmap.MADV_DONTNEED)

    def broken(self) -> Iterator[str]:
        """The names of the arrays that are not what was written: reads the whole file, whatever was checked before."""
        data = memoryview(self._data)
        end = _HEADER.size
        for name, (kind, length, offset, checksum) in sorted(self._places.items(), key=lambda item: item[1][2]):
            # What lies between two arrays is nobody's answer, but says as well that somebody wrote here.
            between = bytes(data[end:offset]).strip(b"\0")
            stop = offset + kind.itemsize * length
            end = max(end, stop)
            if name in self._sums or stop - offset > _CHUNK:
                sound = all(self._is_sound(name, block) for block in range(len(self._sums.get(name, "1"))))
            else:
                sound = zlib.crc32(data[offset:stop]) == checksum
            if between or not sound:
                yield name
            elif name not in self._whole:
                self._whole[name] = self.unchecked(name)
                self._left.pop(name, None)

    def _block_size(self, name: str) -> int:
        kind, length, _, _ = self._places[name]
        return _BLOCK if name in self._sums else kind.itemsize * length

    def _is_sound(self, name: str, block: int) -> bool:
        """Whether a block of an array is what was written."""
        kind, length, offset, checksum = self._places[name]
        size = self._block_size(name)
        begin, end = offset + block * size, offset + min((block + 1) * size, kind.itemsize * length)
        found = 0
        for at in range(begin, end, _CHUNK):
            found = zlib.crc32(memoryview(self._data)[at : min(at + _CHUNK, end)], found)
        return found == (self._sums[name][block] if name in self._sums else checksum)

    def _directory(self) -> Any:
        if len(self._data) < _HEADER.size:
            raise self._damaged("it is cut off")
        magic, version, nothing, offset, size, checksum = _HEADER.unpack(self._data[: _HEADER.size])
        if magic != MAGIC:
            raise self._damaged("it is not a file of this engine")
        if version != VERSION:
            raise self._damaged(f"it has version {version}, this engine reads {VERSION}")
        data = self._data[offset : offset + size]
        if nothing or offset + size != len(self._data) or len(data) != size or zlib.crc32(data) != checksum:
            raise self._damaged("it is cut off or changed")
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as error:
            raise self._damaged("its directory can't be read") from error

    def _checked(self, arrays: Mapping[str, Any]) -> Iterator[tuple[str, tuple[np.dtype[Any], int, int, int]]]:
        for name, (kind, length, offset, checksum) in arrays.items():
            # The directory may come from anybody: 1.5 and Infinity are numbers in JSON too.
            if kind not in _TYPES or not type(length) is type(offset) is type(checksum) is int:
                raise ValueError(f"{name} of {kind!r}")
            if length < 0 or offset < _HEADER.size or offset % _ALIGNMENT:
                raise ValueError(f"{name} of length {length} at {offset}")
            dtype = _TYPES[kind]
            if offset + dtype.itemsize * length > self.size:
                raise ValueError(f"{name} ends after the file")
            yield name, (dtype, length, offset, checksum)

    def _checked_sums(self, blocks: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[int]]]:
        for name, sums in blocks.items():
            kind, length, _, checksum = self._places[name]
            if type(sums) is not list or len(sums) != -(-kind.itemsize * length // _BLOCK) or len(sums) < 2:
                raise ValueError(f"{name} with other blocks than it has")
            if not all(type(value) is int and 0 <= value < 1 << 32 for value in sums) or _checksum(sums) != checksum:
                raise ValueError(f"{name} with other checksums than its own")
            yield name, sums

    def _damaged(self, what: str) -> IndexDamaged:
        return IndexDamaged(
            f"The index file {self.path} can't be read: {what}. Make a new index with: manage.py newsindex_rebuild"
        )


def _identity(status: os.stat_result) -> tuple[int, ...]:
    # Programs that copy files in place set the time of writing to what it was; that of the change they can't.
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size


def _mapped(path: Path | str) -> tuple[mmap.mmap, tuple[int, ...]]:
    """The content of a file, and what tells whether it was written to since."""
    try:
        # Nobody waits for a writer of what is no file.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
        try:
            status = os.fstat(handle)
            if status.st_size == 0:
                raise IndexDamaged(
                    f"The index file {path} is empty. Make a new index with: manage.py newsindex_rebuild"
                )
            return mmap.mmap(handle, 0, access=mmap.ACCESS_READ), _identity(status)
        finally:
            os.close(handle)
    except OSError as error:
        raise IndexDamaged(
            f"The index file {path} can't be read: {error}. Make a new index with: manage.py newsindex_rebuild"
        ) from error
