"""What a day is in China: festivals, solar terms, days off, and the year plan that follows from them.

Everything here is pure: a year or a day goes in, frozen dataclasses come out. Nothing knows today's date.
"""
