/** The door to the property-test library. @module */
import fc from "npm:fast-check@4.10.2";

export { fc };
