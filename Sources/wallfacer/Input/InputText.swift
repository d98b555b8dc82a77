import Corpora
import Foundation

/// Text that the user hands over, in a file or through standard input.
enum InputText {
    /// - Parameter file: standard input where nothing is said.
    /// - Throws: `Failure` for what is not there or no UTF-8.
    static func read(file: String?) throws -> String {
        let data: Data
        do {
            data = try file.map { try contents(of: $0) } ?? FileHandle.standardInput.readToEnd() ?? Data()
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure("standard input: cannot be read: \(SystemReason.text(error))")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw Failure("\(file ?? "standard input"): line \(lineOfBadText(data)): no UTF-8 text")
        }
        return text
    }

    /// The lines without their ends; a last empty one does not count.
    static func lines(file: String?) throws -> [String] {
        var lines = try read(file: file).utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .map { String(Substring($0)) }
        if lines.last == "" { lines.removeLast() }
        return lines
    }

    static func contents(of file: String) throws -> Data {
        let path = (file as NSString).expandingTildeInPath
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw Failure("\(file): no such file")
        }
        if isFolder.boolValue { throw Failure("\(file): is a folder; a file is needed") }
        do {
            // A handle reads pipes with a name too, such as those of `--file <(command)`.
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? handle.close() }
            return try handle.readToEnd() ?? Data()
        } catch {
            throw Failure("\(file): cannot be read: \(SystemReason.text(error))")
        }
    }

    private static func lineOfBadText(_ data: Data) -> Int {
        let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let bad = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil }
        return (bad ?? 0) + 1
    }
}
