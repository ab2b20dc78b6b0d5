/** The door to the property-test library. @module */
import fc from "fast-check";

export { fc };
