"""Archives that are damaged, locked, or packed in a way that is not read."""
import zipfile

from zip_export import tickets


def make(name, members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(name, "w", method) as archive:
        for member, text in members:
            archive.writestr(member, text)


def changed(name, change):
    """The stored archive with bytes of its local header (at 0) and of its directory changed."""
    data = bytearray(open("stored.zip", "rb").read())
    change(data, data.find(b"PK\1\2"))
    open(name, "wb").write(data)


def locked(data, directory):
    data[6] |= 1
    data[directory + 8] |= 1


def packed_by(method):
    def change(data, directory):
        data[8] = data[directory + 10] = method
    return change


def another_byte(data, _):
    data[data.find(b"Open")] = ord("o")


make("stored.zip", [("tickets.csv", tickets(1, 2))], zipfile.ZIP_STORED)
make("none.zip", [("a.csv", "x,y\n1,2\n"), ("b/logo.png", b"\x89PNG\r\n\x1a\n1")])
make("one.zip", [("a.csv", "x,y\n1,2\n")])
make("empty.zip", [])
make("folders.zip", [("a/", ""), ("a/b/", "")])
make("workbook.xlsx", [("[Content_Types].xml", "<x/>"), ("xl/workbook.xml", "<x/>")])
changed("locked.zip", locked)
changed("deflate64.zip", packed_by(9))
changed("unknown-method.zip", packed_by(77))
changed("another-byte.zip", another_byte)
open("cut.zip", "wb").write(open("stored.zip", "rb").read()[:-40])
open("cut-early.zip", "wb").write(open("stored.zip", "rb").read()[:60])
open("program.exe", "wb").write(b"MZ" + b"\0" * 500 + open("stored.zip", "rb").read())
