/// The style sheet of a report: system type, one accent, light and dark by the reader's own setting.
enum ReportStyle {
    static let sheet = """
        :root {
          --ink: #1c1f24; --muted: #6a7079; --line: #e3e5e8; --grid: #eceef0; --paper: #ffffff; --panel: #f6f7f8;
          --c0: #2f6db3; --c1: #d5692b; --c2: #3a8f68; --c3: #8b5fb3; --c4: #b3861a; --c5: #858c95;
          --good: #1f7a4d; --good-back: #e3f3ea; --bad: #b3362b; --bad-back: #fae7e4; --open: #6a7079;
          --open-back: #eef0f2;
          --bubble: #e4edf8;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --ink: #e4e6e9; --muted: #989fa9; --line: #30343b; --grid: #262a30; --paper: #15171a; --panel: #1d2024;
            --c0: #6ea6e6; --c1: #ee9460; --c2: #67bf95; --c3: #b794de; --c4: #d9b24f; --c5: #8c939d;
            --good: #7ad3a4; --good-back: #17352a; --bad: #f09a8f; --bad-back: #41211e; --open: #a7adb6;
          --open-back: #2a2e34;
            --bubble: #1f3048;
          }
        }
        * { box-sizing: border-box; }
        html { -webkit-text-size-adjust: 100%; }
        body {
          margin: 0; background: var(--paper); color: var(--ink);
          font: 16px/1.6 system-ui, -apple-system, "Segoe UI", Roboto,
          "Helvetica Neue", "Noto Sans", "Noto Sans CJK SC", sans-serif; font-variant-numeric: tabular-nums;
        }
        main { max-width: 54rem; margin: 0 auto; padding: 4rem 1.5rem 5rem; }
        h1, h2 { font-family: ui-serif, "Iowan Old Style", "Palatino Linotype", Palatino, Georgia, "Noto Serif",
          serif; }
        h1 { font-size: 2.4rem; line-height: 1.15; font-weight: 600; letter-spacing: -0.01em; margin: 0; }
        h2 { font-size: 1.45rem; font-weight: 600; margin: 3.5rem 0 1.2rem; padding-top: 1.3rem;
          border-top: 1px solid var(--line); }
        h3 { font-size: 1rem; font-weight: 600; margin: 0 0 .8rem; }
        p { margin: 0 0 1rem; max-width: 44rem; }
        .subtitle { color: var(--muted); font-size: 1.1rem; margin: .7rem 0 0; }
        figure { margin: 1.6rem 0; }
        figcaption { font-weight: 600; font-size: .95rem; margin-bottom: .5rem; }
        .note, .range, footer { color: var(--muted); }
        .note { font-size: .85rem; margin-top: .5rem; }
        footer { font-size: .85rem; margin-top: 4rem; padding-top: 1.2rem; border-top: 1px solid var(--line); }
        .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(11.5rem, 1fr)); gap: .9rem;
          margin: 1.4rem 0; }
        .figure { background: var(--panel); border-radius: 10px; padding: 1.1rem 1.2rem; }
        .figure .what { font-size: .85rem; color: var(--muted); }
        .figure .much { font-size: 1.7rem; line-height: 1.35; font-weight: 600; letter-spacing: -0.02em;
          white-space: nowrap; }
        .figure .note { margin-top: .15rem; }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.6rem; margin: 1rem 0;
          font-size: .92rem; }
        dt { color: var(--muted); }
        dd { margin: 0; overflow-wrap: anywhere; }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; width: 100%; font-size: .92rem; }
        th { text-align: left; font-weight: 500; color: var(--muted); font-size: .85rem;
          border-bottom: 1px solid var(--ink); }
        th, td { padding: .5rem 1.2rem .5rem 0; vertical-align: baseline; }
        th:last-child, td:last-child { padding-right: 0; }
        td { border-bottom: 1px solid var(--line); }
        .number { text-align: right; white-space: nowrap; }
        .legend { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; font-size: .85rem; color: var(--muted);
          margin-bottom: .3rem; }
        .legend i { display: inline-block; width: .8rem; height: .8rem; border-radius: 3px; margin-right: .45rem;
          vertical-align: -1px; background: currentColor; }
        .drawing { width: 100%; height: auto; display: block; }
        .drawing text { font-size: 12px; fill: var(--muted); }
        .drawing .label, .drawing .value { font-size: 12.5px; }
        .drawing .value { fill: var(--ink); }
        .drawing .grid { stroke: var(--grid); }
        .drawing .axis { stroke: var(--muted); stroke-opacity: .55; }
        .drawing .reference { stroke: var(--ink); stroke-dasharray: 4 4; stroke-opacity: .6; }
        .drawing .whisker { stroke: var(--ink); stroke-width: 1.4; stroke-opacity: .75; }
        .c0 { color: var(--c0); } .c1 { color: var(--c1); } .c2 { color: var(--c2); }
        .c3 { color: var(--c3); } .c4 { color: var(--c4); } .c5 { color: var(--c5); }
        .drawing .curve, .drawing .faint { fill: none; stroke: currentColor; stroke-width: 2;
          stroke-linejoin: round; }
        .drawing .faint { stroke-width: 1; stroke-opacity: .28; }
        .drawing .bar, .drawing .dot { fill: currentColor; }
        .drawing .interval { stroke: currentColor; stroke-width: 3; stroke-linecap: round; stroke-opacity: .45; }
        .claim { background: var(--panel); border-radius: 10px; padding: 1.2rem 1.4rem; margin: 1.2rem 0; }
        .badge { display: inline-block; font: 600 .75rem/1 system-ui, sans-serif; padding: .35rem .6rem;
          border-radius: 99px;
          margin-right: .4rem; vertical-align: 2px; white-space: nowrap; }
        .holds { color: var(--good); background: var(--good-back); }
        .contradicted { color: var(--bad); background: var(--bad-back); }
        .open { color: var(--open); background: var(--open-back); }
        .columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(19rem, 1fr)); gap: 1.8rem; }
        .conversation { display: flex; flex-direction: column; gap: .7rem; margin: 1rem 0; }
        .message { max-width: 84%; }
        .message.left { align-self: flex-start; }
        .message.right { align-self: flex-end; }
        .speaker { font-size: .78rem; color: var(--muted); margin: 0 .3rem .15rem; }
        .message.right .speaker { text-align: right; }
        .mark { border: 1px solid var(--line); border-radius: 99px; padding: 0 .5rem; margin-left: .5rem; }
        .bubble { background: var(--panel); border-radius: 14px 14px 14px 4px; padding: .6rem .9rem;
          white-space: pre-wrap;
          overflow-wrap: anywhere; line-height: 1.45; font-size: .95rem; }
        .message.right .bubble { background: var(--bubble); border-radius: 14px 14px 4px 14px; }
        pre { background: var(--panel); border-radius: 10px; padding: 1rem 1.2rem; overflow-x: auto;
          font-size: .84rem; line-height: 1.5; }
        code { font-family: ui-monospace, "SF Mono", "Cascadia Code", "Noto Sans Mono", Menlo, Consolas, monospace; }
        details { margin: 1.2rem 0; }
        summary { cursor: pointer; color: var(--muted); }
        summary:hover { color: var(--ink); }
        @media print { main { max-width: none; padding: 0; } section { break-inside: avoid-page; } }
        """
}
