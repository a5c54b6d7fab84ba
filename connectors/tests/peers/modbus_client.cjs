// A Modbus TCP client of another stack: npm's modbus-serial. Reads "table address count" lines of a port and a unit id.
"use strict";
const ModbusRTU = require("modbus-serial");

async function main([port, unit, ...requests]) {
    const client = new ModbusRTU();
    await client.connectTCP("127.0.0.1", { port: Number(port) });
    client.setID(Number(unit));
    client.setTimeout(20000);
    const read = {
        coil: (address, count) => client.readCoils(address, count),
        discrete: (address, count) => client.readDiscreteInputs(address, count),
        holding: (address, count) => client.readHoldingRegisters(address, count),
        input: (address, count) => client.readInputRegisters(address, count),
    };
    const answers = [];
    for (const request of requests) {
        const [table, address, count] = request.split(" ");
        try {
            const { data } = await read[table](Number(address), Number(count));
            answers.push(data.slice(0, Number(count)).map(Number));
        } catch (error) {
            answers.push(error.modbusCode ?? String(error));
        }
    }
    console.log(JSON.stringify(answers));
    client.close(() => process.exit(0));
}

main(process.argv.slice(2)).catch((error) => { console.error(error); process.exit(1); });
