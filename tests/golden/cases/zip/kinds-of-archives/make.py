"""What zip allows: no compression, sizes behind the data, zip64, names of all kinds, one name twice, a comment."""
import struct
import zipfile
import zlib

from zip_export import tickets


class Pipe:
    """A file that cannot seek: zipfile writes sizes and sums behind the data then."""
    def __init__(self, name):
        self.file = open(name, "wb")
    def write(self, data):
        return self.file.write(data)
    def flush(self):
        self.file.flush()


def zip64(name, member, data):
    """Sizes and offset in zip64 fields only, and zip64's own end."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(data) + packer.flush()
    big = 0xFFFFFFFF
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, 45, 8, 8, 0, 0x5821, 0, big, big, len(member), 20) + member
    local += struct.pack("<HHQQ", 1, 16, 0, 0) + packed
    local += struct.pack("<IIQQ", 0x08074B50, zlib.crc32(data), len(packed), len(data))
    entry = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 45, 45, 8, 8, 0, 0x5821, zlib.crc32(data), big, big, len(member), 28, 0, 0,
                        0, 0, big) + member + struct.pack("<HHQQQ", 1, 24, len(data), len(packed), 0)
    end = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, 1, 1, len(entry), len(local))
    end += struct.pack("<IIQI", 0x07064B50, 0, len(local) + len(entry), 1)
    end += struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, big, big, 0)
    open(name, "wb").write(local + entry + end)


with zipfile.ZipFile("stored.zip", "w", zipfile.ZIP_STORED) as archive:
    archive.comment = b"made for a test"
    archive.writestr("tickets.csv", tickets(1))
with zipfile.ZipFile(Pipe("streamed.zip"), "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("tickets.csv", tickets(2))
zip64("zip64.zip", b"tickets.csv", tickets(3).encode())
with zipfile.ZipFile("names.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("../../tickets.csv", tickets(4))
    archive.writestr("/tickets.csv", tickets(5))
    archive.writestr("a\x1b[31m\nb.csv", tickets(6))
    archive.writestr("ü!.csv", tickets(7))
with zipfile.ZipFile("twice.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("tickets.csv", tickets(8))
    archive.writestr("tickets.csv", tickets(9))
