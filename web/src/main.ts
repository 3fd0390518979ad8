import { mount } from "svelte";
import App from "./App.svelte";
import { texts } from "./texts";
import "uplot/dist/uPlot.min.css";
import "./style.css";
import "./print.css";

document.documentElement.lang = texts.locale;
mount(App, { target: document.getElementById("app")! });
