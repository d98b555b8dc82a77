import Corpora
import Foundation
import Testing

@Suite("SHA-256")
struct SHA256Tests {
    @Test(
        "The examples of the standard",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ])
    func standardExamples(text: String, digest: String) {
        #expect(SHA256.hexadecimal(of: Data(text.utf8)) == digest)
    }

    @Test("A thousand letters, whole, in uneven pieces and from a file, agree")
    func pieces() throws {
        let data = Data(repeating: UInt8(ascii: "a"), count: 1000)
        let expected = "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"
        #expect(SHA256.hexadecimal(of: data) == expected)

        var checksum = SHA256()
        var start = 0
        for size in [1, 62, 1, 64, 65, 127, 680] {
            checksum.update(data[start..<start + size])
            start += size
        }
        #expect(start == data.count)
        #expect(checksum.hexadecimal == expected)

        let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try data.write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        #expect(try SHA256.hexadecimal(ofFile: file) == expected)
    }
}
