/** The page's style: two colour schemes, one column, tables that scroll on their own on narrow screens. */
export const style = `
:root{color-scheme:light dark;--ink:#1b2330;--soft:#5b6675;--line:#dfe4ea;--faint:#b9c3cf;--paper:#fff;--panel:#f6f8fa;--accent:#2458c5;--second:#c2571a;--good:#217a4b;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#98a4b3;--line:#2c3440;--faint:#4b5665;--paper:#12161c;--panel:#1a2029;--accent:#7aa5ff;--second:#f0975a;--good:#63c991;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1100px;margin:0 auto;padding:28px 20px 64px}
h1{font-size:1.6rem;line-height:1.2;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:1.1rem;margin:40px 0 8px}
p{margin:0 0 10px;max-width:70ch}
.soft,small{color:var(--soft)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));gap:12px;margin:20px 0 0}
.card{background:var(--panel);border:1px solid var(--line);border-radius:10px;padding:12px 14px}
.card b{display:block;font-size:1.3rem;white-space:nowrap;line-height:1.3;font-variant-numeric:tabular-nums}
.card small{display:block}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:10px}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{padding:6px 10px;text-align:left;border-top:1px solid var(--line);vertical-align:middle;white-space:nowrap}
thead th{border-top:0;color:var(--soft);font-weight:600;background:var(--panel)}
.n{text-align:right;font-variant-numeric:tabular-nums}
.name{max-width:280px;overflow:hidden;text-overflow:ellipsis}
.words{white-space:normal;min-width:220px}
code{font:.86em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
.good{color:var(--good)}.bad{color:var(--bad)}.mark{color:var(--second);font-weight:600}
figure{margin:0 0 14px;background:var(--panel);border:1px solid var(--line);border-radius:10px;padding:12px}
figcaption{color:var(--soft);font-size:.86rem;margin-top:6px}
svg{display:block;width:100%;height:auto;color:var(--soft);overflow:visible}
svg text{font:11px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;white-space:pre}
svg [aria-label$="grid"]{stroke:var(--line);stroke-opacity:1}
td svg{width:80px;height:22px}
.phone{display:none}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;margin:0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
@media(max-width:640px){main{padding:20px 14px 48px}.wide,.desk{display:none}.phone{display:block}.name{min-width:130px;max-width:190px;white-space:normal;overflow-wrap:anywhere}dl{grid-template-columns:1fr}dd{margin-bottom:6px}th,td{padding:6px 8px}}
@media print{figure,.card,.scroll{break-inside:avoid}}
`;
