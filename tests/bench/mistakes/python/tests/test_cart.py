import unittest

from shop.cart import Cart
from shop.money import Money


class TestCart(unittest.TestCase):
    def test_total(self):
        cart = Cart()
        cart.add("tea", Money(250))
        cart.add("cup", Money(399.6))
        self.assertEqual(cart.total().cents, 650)
