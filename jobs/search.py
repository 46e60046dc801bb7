"""clips -> the settings that train best

ray job submit --working-dir . -- python -m jobs.search configs/search.yaml samples=32 concurrent=4
"""

from dancegen.steps.command import job

if __name__ == "__main__":
    job("search")
