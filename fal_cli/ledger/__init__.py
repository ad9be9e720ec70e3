"""The local record of every request that this machine made: `rows` what is kept, `migrations` where, `store` how.

Commands use it through `journal`, completion through `glance`.
"""
