"""Who looks at the machines, in processes of their own: many sockets, a program that asks the API, and Chromium.

Each is told on its standard input where to look and as whom. It says a first line when it has begun to look, and what
it has seen in a second one.
"""
