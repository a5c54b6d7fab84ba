// A Modbus TCP server of another stack: npm's modbus-serial. Prints its port, and serves until its input ends.
"use strict";
const { ServerTCP } = require("modbus-serial");

const registers = new Map();

function put(address, size, write, order = "ABCD") {
    const bytes = Buffer.alloc(size);
    write(bytes);
    const words = [];
    for (let place = 0; place < size; place += 2) words.push(bytes.subarray(place, place + 2));
    if (order === "CDAB" || order === "DCBA") words.reverse();
    words.forEach((word, place) => {
        if (order === "BADC" || order === "DCBA") word.reverse();
        registers.set(address + place, word.readUInt16BE(0));
    });
}

put(0, 2, (bytes) => bytes.writeInt16BE(2325));
put(1, 2, (bytes) => bytes.writeInt16BE(-32768));
["ABCD", "CDAB", "BADC", "DCBA"].forEach((order, index) => {
    put(20 + 2 * index, 4, (bytes) => bytes.writeFloatBE(229.01), order);
    put(40 + 2 * index, 4, (bytes) => bytes.writeUInt32BE(3123456789), order);
    put(60 + 4 * index, 8, (bytes) => bytes.writeDoubleBE(-40.25), order);
    put(80 + 4 * index, 8, (bytes) => bytes.writeBigInt64BE(-1234567890123n), order);
});
put(100, 16, (bytes) => bytes.write("Brötchen"));

function read(address, unit) {
    if (unit === 9) throw Object.assign(new Error("nobody there"), { modbusErrorCode: 11 });
    if (!registers.has(address)) throw Object.assign(new Error("hole"), { modbusErrorCode: 2 });
    return address === 0 ? 2325 + unit : registers.get(address);
}

const server = new ServerTCP(
    {
        getInputRegister: read,
        getHoldingRegister: read,
        getCoil: (address) => address % 3 === 0,
        getDiscreteInput: (address) => address % 3 === 1,
    },
    { host: "127.0.0.1", port: "0", unitID: 255 }, // as text: the number 0 would mean 502
);
server.on("initialized", () => console.log(server._server.address().port));
server.on("serverError", (error) => { console.error(error); process.exit(1); });
process.stdin.on("end", () => process.exit(0)).resume();
