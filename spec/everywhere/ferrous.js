// The one door of the cases to what they test: in a page the server gives out another one in its place.
export * from "ferrous";
