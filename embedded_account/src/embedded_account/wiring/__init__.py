"""How a service is put into the account: each service folder has `install(account)`, which

- answers its operations with `serving.serve`: a table of its own, what moto carries out, or both;
- refuses what it does not carry out with `refusals.refuse`;
- changes moto, where that is needed, with `replacement.replace` in a module of its own folder.
"""
