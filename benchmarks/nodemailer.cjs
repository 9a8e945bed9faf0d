// Messages a second of nodemailer with a pool, as its documentation says to send newsletters.
// node nodemailer.cjs FOLDER-OF-node_modules PORT COUNT CONNECTIONS SIZE [FILE-OF-A-DKIM-KEY]
const [folder, port, count, connections, size, key] = process.argv.slice(2);
const nodemailer = require(require.resolve("nodemailer", { paths: [folder] }));
const transport = nodemailer.createTransport({
  host: "127.0.0.1",
  port: Number(port),
  secure: false,
  ignoreTLS: true,
  pool: true,
  maxConnections: Number(connections),
  maxMessages: Infinity,
  ...(key && {
    dkim: {
      domainName: "example.org",
      keySelector: "sample",
      privateKey: require("fs").readFileSync(key, "utf8"),
    },
  }),
});
const text = "word ".repeat(12).trim() + "\r\n";
const html = `<!doctype html><p>Hello</p><p>${text.repeat(Math.ceil((size - 1500) / text.length))}</p>`;
const began = process.hrtime.bigint();
const all = [];
for (let i = 0; i < Number(count); i += 1) {
  all.push(
    transport.sendMail({
      from: "journal@example.org",
      to: `reader${i}@example.org`,
      subject: "The digest of the week",
      text: `Hello\n\nUnsubscribe: https://journal.example.org/u/token${i}\n`,
      html: `${html}<a href="https://journal.example.org/u/token${i}">Unsubscribe</a>`,
      headers: { "List-Unsubscribe": `<https://journal.example.org/u/token${i}>` },
    }),
  );
}
Promise.all(all).then(() => {
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  console.log(JSON.stringify({ rate: Number(count) / seconds }));
  transport.close();
});
