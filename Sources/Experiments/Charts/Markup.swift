import Foundation

/// Text made safe for HTML and SVG. All of a report's text passes through here.
enum Markup {
    /// The text with everything replaced that could end a text or an attribute; control characters are left out.
    static func escaped(_ text: String) -> String {
        var safe = ""
        safe.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": safe += "&amp;"
            case "<": safe += "&lt;"
            case ">": safe += "&gt;"
            case "\"": safe += "&quot;"
            case "'": safe += "&#39;"
            case "\n", "\t": safe.unicodeScalars.append(scalar)
            default: if scalar.properties.generalCategory != .control { safe.unicodeScalars.append(scalar) }
            }
        }
        return safe
    }

    /// A coordinate with a tenth of a pixel, in few characters.
    static func coordinate(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
    }
}

/// A drawing in the making. Colours come from classes, so that the page decides them for light and dark.
struct Drawing {
    enum Anchor: String {
        case start, middle, end
    }

    let width: Double
    let height: Double
    private(set) var elements = ""

    init(width: Double, height: Double) {
        self.width = width
        self.height = height
    }

    mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, class name: String) {
        let at = [x1, y1, x2, y2].map(Markup.coordinate)
        elements += #"<line class="\#(name)" x1="\#(at[0])" y1="\#(at[1])" x2="\#(at[2])" y2="\#(at[3])"/>"#
    }

    mutating func rectangle(
        x: Double, y: Double, width: Double, height: Double, radius: Double = 0, class name: String, tip: String? = nil
    ) {
        let at = [x, y, max(0, width), max(0, height), radius].map(Markup.coordinate)
        let start =
            #"<rect class="\#(name)" x="\#(at[0])" y="\#(at[1])" width="\#(at[2])" height="\#(at[3])" rx="\#(at[4])""#
        elements += start + Self.end(of: "rect", tip: tip)
    }

    mutating func circle(_ x: Double, _ y: Double, radius: Double, class name: String, tip: String? = nil) {
        let at = [x, y, radius].map(Markup.coordinate)
        elements +=
            #"<circle class="\#(name)" cx="\#(at[0])" cy="\#(at[1])" r="\#(at[2])""# + Self.end(of: "circle", tip: tip)
    }

    mutating func text(
        _ text: String, x: Double, y: Double, anchor: Anchor = .start, class name: String = "tick", turned: Bool = false
    ) {
        let at = [x, y].map(Markup.coordinate)
        let turn = turned ? #" transform="rotate(-90 \#(at[0]) \#(at[1]))""# : ""
        elements +=
            #"<text class="\#(name)" x="\#(at[0])" y="\#(at[1])" text-anchor="\#(anchor.rawValue)"\#(turn)>"#
            + Markup.escaped(text) + "</text>"
    }

    /// A line through the points; a point that is not finite leaves a gap.
    mutating func path(_ points: [(x: Double, y: Double)], class name: String) {
        var commands = ""
        var isDrawing = false
        for point in points {
            guard point.x.isFinite, point.y.isFinite else {
                isDrawing = false
                continue
            }
            commands += (isDrawing ? "L" : "M") + Markup.coordinate(point.x) + " " + Markup.coordinate(point.y)
            isDrawing = true
        }
        if !commands.isEmpty { elements += #"<path class="\#(name)" d="\#(commands)"/>"# }
    }

    /// Draws inside a part of the drawing, beyond which nothing shows; coordinates start at its corner.
    mutating func clipped(x: Double, y: Double, width: Double, height: Double, _ body: (inout Drawing) -> Void) {
        var inner = Drawing(width: width, height: height)
        body(&inner)
        let at = [x, y, width, height].map(Markup.coordinate)
        elements +=
            #"<svg x="\#(at[0])" y="\#(at[1])" width="\#(at[2])" height="\#(at[3])" overflow="hidden">"#
            + inner.elements + "</svg>"
    }

    /// The finished drawing.
    func svg(label: String) -> String {
        let size = "\(Markup.coordinate(width)) \(Markup.coordinate(height))"
        return #"<svg class="drawing" viewBox="0 0 \#(size)" role="img" aria-label="\#(Markup.escaped(label))">"#
            + elements + "</svg>"
    }

    private static func end(of element: String, tip: String?) -> String {
        tip.map { "><title>\(Markup.escaped($0))</title></\(element)>" } ?? "/>"
    }
}
